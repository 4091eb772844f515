"""What verdicts say of real releases, and how often they are wrong where the truth is known."""
