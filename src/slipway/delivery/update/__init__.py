"""What is new in the template that a project came from: taken as a patch, and proposed as a pull request."""
