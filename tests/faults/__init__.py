"""Faults made on purpose: kills, full disks, damaged files, two processes at once, clocks that jump, hostile input."""
