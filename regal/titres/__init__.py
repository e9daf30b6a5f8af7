"""What is owed to a régie, held in our own base: the debts that REGAL checks itself."""
