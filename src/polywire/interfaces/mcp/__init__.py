"""What AI assistants speak to: tools, resources and prompts over MCP, in both eras of the protocol."""
