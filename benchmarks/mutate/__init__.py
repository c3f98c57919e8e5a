"""Mutation testing of `economy/`, `diagnose/` and the checkpoints of `lab/`: `make mutate`.

The mutations are those of cosmic-ray. Its own runner starts an interpreter for every mutant, and JAX compiles everything anew in
each; here every mutant is a fork of a process that has imported JAX, and compiled programs are kept on disk: most mutants leave
most of them as they are.
"""
