"""For the tests of other people's projects."""
