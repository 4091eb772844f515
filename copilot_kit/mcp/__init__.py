"""MCP servers as tools: what they offer goes through the gate like everything else, and nothing they say is trusted."""

from copilot_kit.mcp.pins import Change
from copilot_kit.mcp.servers import HttpServer, OwnServer, StdioServer
from copilot_kit.mcp.toolset import McpTools, mcp_tools

__all__ = ["Change", "HttpServer", "McpTools", "OwnServer", "StdioServer", "mcp_tools"]
