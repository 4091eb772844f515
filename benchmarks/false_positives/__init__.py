"""How often the statistics call two equal models different."""
