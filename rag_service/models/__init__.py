"""Which models are worth having, where they lie on this machine, and how they get there."""
