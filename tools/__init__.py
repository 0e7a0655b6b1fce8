"""What make calls: nothing here is installed with the workbench."""
