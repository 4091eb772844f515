"""What others wrote, as items and tables of ours: promptfoo, LangSmith, Inspect, tickets that people have answered."""
