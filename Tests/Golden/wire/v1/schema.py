"""Version 1 of what nodes say to each other, frozen: `schema.json` beside this file.

The file is a protobuf FileDescriptorSet as JSON. Nobody changes it: a later version of the wire is
frozen beside it, in a folder of its own, and this one stays for as long as version 2 is served.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

HERE = Path(__file__).parent
# Numbers that no version uses: what a node of a later version might add to every message.
FUTURE_TEXT, FUTURE_NUMBERS, FUTURE_PART = 1000, 1001, 1002


def files() -> descriptor_pb2.FileDescriptorSet:
    return json_format.Parse((HERE / "schema.json").read_text(), descriptor_pb2.FileDescriptorSet())


class Schema:
    """The messages of one set of files, by their full names: `schema("canopy.v1.Hello")`."""

    def __init__(self, described: descriptor_pb2.FileDescriptorSet):
        # A pool of its own: other people's clients have the same names in the common one.
        self.pool = descriptor_pool.DescriptorPool()
        for file in described.file:
            self.pool.Add(file)

    def __call__(self, name: str):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))


def frozen() -> Schema:
    return Schema(files())


def future() -> Schema:
    """The same with three more fields in every message, as a later version might have them."""
    described = files()

    def extend(message) -> None:
        if message.options.map_entry:
            return
        kinds = descriptor_pb2.FieldDescriptorProto
        part = message.nested_type.add(name="FuturePart")
        part.field.add(name="word", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
        message.field.add(name="future_text", number=FUTURE_TEXT, type=kinds.TYPE_STRING,
                          label=kinds.LABEL_OPTIONAL)
        message.field.add(name="future_numbers", number=FUTURE_NUMBERS, type=kinds.TYPE_UINT64,
                          label=kinds.LABEL_REPEATED)
        message.field.add(name="future_part", number=FUTURE_PART, type=kinds.TYPE_MESSAGE,
                          type_name="FuturePart", label=kinds.LABEL_OPTIONAL)
        for nested in message.nested_type:
            if nested.name != "FuturePart":
                extend(nested)

    for file in described.file:
        for message in file.message_type:
            extend(message)
    return Schema(described)


def fill(message) -> None:
    """Sets what the future has added, in the message and in all that it holds."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key in value:
                    fill(value[key])
        elif field.is_repeated:
            for item in value:
                fill(item)
        else:
            fill(value)
    message.future_text = "what a later version says"
    message.future_numbers.extend([1, 2**63])
    message.future_part.word = "nested"
