"""Oracles that train metamon networks further: offline on trajectories, and online."""
