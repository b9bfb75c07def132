"""Programs that pods run inside AWS's images; the charts carry their text."""
