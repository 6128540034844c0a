"""A server of our own factory behind our own gate, with what the conformance suite calls by fixed names.

Most of its scenarios are about content that Polywire has none of (images, audio, questions to the client). What they
find out here is whether it passes through what is ours: `Server.call_tool`, `read_resource` and `get_prompt`, the gate,
the door.
"""

import warnings
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from mcp.server.mcpserver import Context, MCPServer, UserMessage
from mcp.server.mcpserver.resources import BinaryResource, TextResource
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)

from interfaces.mcp.memory import MemoryAccess
from polywire.app.http import HttpAsked, serving_http
from polywire.interfaces.mcp import sdk
from polywire.interfaces.mcp.server import door, mcp_server
from polywire.io.clock import SystemClock

Request = Context[Any, Any]

PNG: Final = bytes.fromhex(  # one red pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)
WAV: Final = bytes.fromhex(  # one silent sample
    "524946462600000057415645666d74201000000001000100401f0000803e00000200100064617461020000000000"
)


def _answer(*content: ContentBlock) -> CallToolResult:
    return CallToolResult(content=list(content))


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _image() -> ImageContent:
    return ImageContent(type="image", data=b64encode(PNG).decode(), mime_type="image/png")


def _resource(uri: str, text: str, kind: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, text=text, mime_type=kind))


def _tools(server: MCPServer[Any]) -> None:
    async def test_simple_text() -> CallToolResult:
        return _answer(_text("This is a simple text response for testing."))

    async def test_image_content() -> CallToolResult:
        return _answer(_image())

    async def test_audio_content() -> CallToolResult:
        return _answer(AudioContent(type="audio", data=b64encode(WAV).decode(), mime_type="audio/wav"))

    async def test_embedded_resource() -> CallToolResult:
        return _answer(_resource("test://embedded-resource", "This is an embedded resource content."))

    async def test_multiple_content_types() -> CallToolResult:
        data = _resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
        return _answer(_text("Multiple content types test:"), _image(), data)

    async def test_error_handling() -> CallToolResult:
        raise ValueError("This tool intentionally returns an error for testing")

    async def test_tool_with_logging(ctx: Request) -> CallToolResult:
        for word in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await sdk.log(ctx.session, "info", word, "conformance", ctx.request_context.request_id)
        return _answer(_text("Three messages were logged."))

    async def test_tool_with_progress(ctx: Request) -> CallToolResult:
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100)
        return _answer(_text("Three words of progress were sent."))

    async def test_reconnection(ctx: Request) -> CallToolResult:
        await ctx.close_sse_stream()
        return _answer(_text("The stream was closed, and the client came back."))

    for tool in (
        test_simple_text, test_image_content, test_audio_content, test_embedded_resource, test_multiple_content_types,
        test_error_handling, test_tool_with_logging, test_tool_with_progress, test_reconnection,
    ):  # fmt: skip
        server.add_tool(tool, description=f"What the scenario of {tool.__name__} calls.", structured_output=False)


def _questions(server: MCPServer[Any]) -> None:
    """Add the tools that ask the client something. None of ours does; it has to come through all the same."""

    async def test_sampling(prompt: str, ctx: Request) -> CallToolResult:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            asking = ctx.session.create_message(
                [SamplingMessage(role="user", content=_text(prompt))],
                max_tokens=100,
                related_request_id=ctx.request_context.request_id,
            )
        return _answer(_text(f"LLM response: {(await asking).content}"))

    async def elicited(ctx: Request, message: str, properties: dict[str, Any]) -> CallToolResult:
        schema = {"type": "object", "properties": properties, "required": list(properties)}
        told = await ctx.session.elicit_form(message, schema, ctx.request_context.request_id)
        return _answer(_text(f"Elicitation completed: action={told.action}, content={told.content}"))

    async def test_elicitation(message: str, ctx: Request) -> CallToolResult:
        fields = {"username": "User's response", "email": "User's email address"}
        return await elicited(
            ctx, message, {name: {"type": "string", "description": of} for name, of in fields.items()}
        )

    async def test_elicitation_sep1034_defaults(ctx: Request) -> CallToolResult:
        return await elicited(
            ctx,
            "Who are you?",
            {
                "name": {"type": "string", "default": "John Doe"},
                "age": {"type": "integer", "default": 30},
                "score": {"type": "number", "default": 95.5},
                "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
                "verified": {"type": "boolean", "default": True},
            },
        )

    async def test_elicitation_sep1330_enums(ctx: Request) -> CallToolResult:
        plain = [f"option{number}" for number in (1, 2, 3)]
        titled = [
            {"const": f"value{n}", "title": f"{word} Option"} for n, word in enumerate(("First", "Second", "Third"), 1)
        ]
        legacy = {"enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]}
        return await elicited(
            ctx,
            "Which?",
            {
                "untitledSingle": {"type": "string", "enum": plain},
                "titledSingle": {"type": "string", "oneOf": titled},
                "legacyEnum": {"type": "string", **legacy},
                "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
                "titledMulti": {"type": "array", "items": {"anyOf": titled}},
            },
        )

    for tool in (test_sampling, test_elicitation, test_elicitation_sep1034_defaults, test_elicitation_sep1330_enums):
        server.add_tool(tool, description=f"What the scenario of {tool.__name__} calls.", structured_output=False)


def _resources(server: MCPServer[Any]) -> None:
    server.add_resource(
        TextResource(
            uri="test://static-text",
            name="static-text",
            mime_type="text/plain",
            text="This is the content of the static text resource.",
        )
    )
    server.add_resource(
        BinaryResource(uri="test://static-binary", name="static-binary", mime_type="image/png", data=PNG)
    )

    @server.resource("test://template/{id}/data", mime_type="application/json")
    async def template(id: str) -> dict[str, Any]:  # noqa: A002 - the suite's name
        return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}


def _prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="Simple")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="With arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="With a resource inside")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's name
        inside = _resource(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(inside), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="With an image")
    def test_prompt_with_image() -> list[UserMessage]:
        return [UserMessage(_image()), UserMessage("Please analyze the image above.")]


@asynccontextmanager
async def conformance_server(data: Path) -> AsyncIterator[str]:
    """Serve it as `polywire up` serves its own while the block runs; yield the URL."""
    access = MemoryAccess()
    server = mcp_server(access, SystemClock())
    for add in (_tools, _questions, _resources, _prompts):
        add(server)
    async with (
        door(server, gated=True) as app,
        serving_http(HttpAsked(data, port=0), access, lambda _: "", {"/mcp": app}) as url,
    ):
        yield f"{url}/mcp"
