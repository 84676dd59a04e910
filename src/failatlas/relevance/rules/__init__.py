"""Rules: one file an operator family, one function a kind of operator; ``rule.serves`` puts it on the table."""
