"""The OAuth protocol, pure: values in, decisions out. Imports nothing of ours and does no input or output."""
