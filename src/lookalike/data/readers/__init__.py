"""Where pictures lie: folders, archives, tables and idx files as lists of items."""
