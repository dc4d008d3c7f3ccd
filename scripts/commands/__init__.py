"""What the commands do once their environment is there: these modules need its packages."""
