# the repository on GitHub: `gh api repos/OWNER/NAME --jq '.owner.id, .id'` prints the numbers
github = {
  owner    = "OWNER"
  owner_id = "0"
  name     = "slipway"
  id       = "0"
}
