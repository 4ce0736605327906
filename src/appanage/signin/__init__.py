"""How a person proves who they are, and the browser sessions that follow."""
