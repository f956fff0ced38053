"""The list of registered parts with their arguments, written from the code itself."""

import inspect
import re
import textwrap

from mmengine.registry import Registry

from glot_plugin import registry

HEADER = """# Registered parts

Every part of scope `glot`, by registry, with its arguments. `make parts` writes this page from the code.
In a config: `dict(type='HSCR', in_dim=256)`; from another scope `dict(type='glot.HSCR', in_dim=256)`.
"""


def parts_page() -> str:
    """The page, as Markdown."""
    sections = [HEADER]
    registries = [item for item in vars(registry).values() if isinstance(item, Registry) and item.scope == 'glot']
    for item in registries:  # mmengine imports a registry's modules when one of its parts is first requested
        item.import_from_location()
    for item in registries:
        if item.module_dict:
            sections.append(f'## {item.name}\n')
            sections += [_part(name, part) for name, part in sorted(item.module_dict.items()) if _is_core(part)]
    return '\n'.join(sections)


def _is_core(part: object) -> bool:
    """Parts of the mmhuman3d side register when it is imported; docs/mixing.md lists those."""
    return not inspect.getmodule(part).__name__.startswith('glot_plugin.framework')


def _part(name: str, part: object) -> str:
    text = inspect.cleandoc(part.__doc__ or '')
    path = inspect.getmodule(part).__name__.replace('.', '/')
    summary, _, arguments = text.partition('Args:\n')
    summary, arguments = (re.split(r'(?:^|\n)(?:Raises|Returns|Attributes):', part)[0] for part in (summary, arguments))
    lines = [f'### {name}\n', f'`{_signature(name, part)}`  ', f'in `{path}.py`\n', summary.strip() + '\n']
    lines += [f'- {line}' for line in _argument_lines(arguments)]
    return '\n'.join(lines).rstrip() + '\n'


def _signature(name: str, part: object) -> str:
    parameters = []
    for parameter in inspect.signature(part).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            parameters.append(f'**{parameter.name}')
            continue
        default = '' if parameter.default is parameter.empty else f'={_short(parameter.default)}'
        parameters.append(f'{parameter.name}{default}')
    return f'{name}({", ".join(parameters)})'


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f'{text[:36]} …)'


def _argument_lines(arguments: str) -> list[str]:
    """One line an argument, its continuation lines joined."""
    lines: list[str] = []
    for line in textwrap.dedent(arguments).splitlines():
        if line.startswith(' ') and lines:
            lines[-1] += ' ' + line.strip()
        elif line.strip():
            name, _, meaning = line.partition(':')
            names = ', '.join(f'`{n.strip()}`' for n in name.split(','))
            lines.append(f'{names}: {meaning.strip()}')
    return lines
