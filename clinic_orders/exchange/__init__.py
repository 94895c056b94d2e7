"""Files in and out (formats.md section 2): each kind of file is a table of columns, declared as data."""
