"""The way from capture files to packets and to one frame in full: `capture` is the one door, tshark is behind it."""
