"""Readers of the files in which towns' debts come: pure, without database, settings or clock."""
