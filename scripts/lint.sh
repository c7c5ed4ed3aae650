# shellcheck shell=bash
# The checks of the stage lint. Each says what is wrong and returns non-zero then. Run at the top of the tree.

lint_format() { cpp_files | xargs --no-run-if-empty clang-format --dry-run -Werror; }

lint_shell() { shell_files | xargs shellcheck; }

# By their first line, since programs have no suffix.
shell_files() { own_files | xargs grep -lE '^(#!.*\b(ba)?sh$|# shellcheck shell=)'; }

lint_reference() { python scripts/reference.py --check; }

lint_headers() { cmake --build build/dev --target headers_alone; }

# The product's sources and, through them, its headers. Over the tests as well it would take twice as long (5 CPU seconds a file, most
# of them for the libraries' headers); there the compilers' warnings have to do.
lint_tidy() {
  local sources
  mapfile -t sources < <(own_files -path './operator/*' -name '*.cpp')
  python scripts/tidy.py --cache "$CACHE/tidy" build/dev "${sources[@]}"
}
