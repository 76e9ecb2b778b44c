"""What an app is concluded to be, from what was read of it."""
