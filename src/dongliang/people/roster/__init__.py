"""The roster as a workbook: its columns, reading it, planning what it changes, writing it."""
