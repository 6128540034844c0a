"""The one way in for interfaces: what MCP asks today, and REST and Socket.IO tomorrow, in one process or another."""
