"""An output-control layer for generative AI: candidates, rules, consensus, honest disclosure."""
