"""rootcauses."""
