# Flags that every target of the project shares. Warnings are errors: a warning that may stay is a warning nobody reads.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Objects are cached outside the tree, by content: a second clone or a second preset does not compile the same file again.
find_program(PW_CCACHE ccache)
if(PW_CCACHE)
  set(PW_CACHE_DIR "$ENV{POOLWRIGHT_CACHE}")
  if(NOT PW_CACHE_DIR)
    set(PW_CACHE_DIR "$ENV{HOME}/.cache/poolwright")
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_DIR=${PW_CACHE_DIR}/ccache CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true
      CCACHE_MAXSIZE=6G ${PW_CCACHE})
endif()

add_library(pw_flags INTERFACE)
# Missing initializers are meant: options are written with designated initializers, the rest keeps its default.
target_compile_options(
  pw_flags
  INTERFACE -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor
            -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion -Wformat=2 -Wunused -Wno-missing-field-initializers -fno-omit-frame-pointer
            -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_definitions(pw_flags INTERFACE _GLIBCXX_ASSERTIONS)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(pw_flags INTERFACE -Wduplicated-cond -Wduplicated-branches -Wlogical-op)
  # gcc 12 reports null dereferences inside its own <regex>, <variant> and boost once it inlines under a sanitizer.
  target_compile_options(pw_flags INTERFACE -Wno-error=null-dereference)
  # The same once it optimizes; then it also takes the joining of short strings for overlapping copies (its bug 105651).
  target_compile_options(pw_flags INTERFACE $<$<CONFIG:Release>:-Wno-null-dereference> $<$<CONFIG:Release>:-Wno-restrict>)
else()
  target_compile_options(pw_flags INTERFACE -Wthread-safety -Wno-unused-command-line-argument)
  target_include_directories(pw_flags SYSTEM INTERFACE ${CMAKE_SOURCE_DIR}/cmake/clang14)
endif()

if(PW_SANITIZE STREQUAL "address")
  target_compile_options(pw_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(pw_flags INTERFACE -fsanitize=address,undefined)
elseif(PW_SANITIZE STREQUAL "thread")
  target_compile_options(pw_flags INTERFACE -fsanitize=thread)
  target_link_options(pw_flags INTERFACE -fsanitize=thread)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(pw_flags INTERFACE -fstack-protector-strong -D_FORTIFY_SOURCE=2)
  target_link_options(pw_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
find_program(PW_LLD ld.lld)
if(PW_LLD)
  target_link_options(pw_flags INTERFACE -fuse-ld=lld)
endif()
