# what the whole project is named by: all roots read it
project = "slipway"
region  = "us-east-1"
