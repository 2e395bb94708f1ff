environment = "production"

# a share of the requests, for monitoring; of a text its hash alone
capture_rate = 0.1
capture_text = "hash"
