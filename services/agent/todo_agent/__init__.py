"""The model loop: messages in, tool calls to the MCP server, words out."""
