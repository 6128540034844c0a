"""What a watch waits for, one judge a family: numbers go in, and whether it has come true comes out."""
