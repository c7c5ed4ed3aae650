// completion: scripts that complete commands and options in a shell, made from the command line itself.
#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/cli.h"
#include "cli/commands.h"

namespace poolwright::cli {

namespace {

/// "--file -f": long names first; positionals have none.
std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string single_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* command) { return !command->get_name().empty(); });
}

std::string bash_script(const CLI::App& app) {
  std::string cases;
  std::string names;
  for (const CLI::App* command : commands_of(app)) {
    names += (names.empty() ? "" : " ") + command->get_name();
    cases += "    " + command->get_name() + ") words=" + single_quoted(joined(option_names(*command))) + " ;;\n";
  }
  return "# bash completion of poolwright: source <(poolwright completion bash)\n"
         "_poolwright() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "    COMPREPLY=($(compgen -W " +
         single_quoted(names) +
         " -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  case $command in\n" +
         cases +
         "  esac\n"
         "  if [ \"${current#-}\" != \"$current\" ]; then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -F _poolwright poolwright kubectl-poolwright\n";
}

std::string zsh_script(const CLI::App& app) {
  std::string described;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    std::string description = command->get_description();
    std::replace(description.begin(), description.end(), ':', ',');
    described += "    " + single_quoted(command->get_name() + ":" + description) + "\n";
    cases += "    " + command->get_name() + ") compadd -- " + joined(option_names(*command)) + " ;;\n";
  }
  return "#compdef poolwright kubectl-poolwright\n"
         "# zsh completion of poolwright: poolwright completion zsh > \"${fpath[1]}/_poolwright\"\n"
         "_poolwright() {\n"
         "  local -a commands\n"
         "  commands=(\n" +
         described +
         "  )\n"
         "  if (( CURRENT == 2 )); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  if [[ ${words[CURRENT]} != -* ]]; then\n"
         "    _files\n"
         "    return\n"
         "  fi\n"
         "  case ${words[2]} in\n" +
         cases +
         "  esac\n"
         "}\n"
         "if [ \"$funcstack[1]\" = _poolwright ]; then _poolwright \"$@\"; else compdef _poolwright poolwright "
         "kubectl-poolwright; fi\n";
}

std::string fish_script(const CLI::App& app) {
  std::string text = "# fish completion of poolwright: poolwright completion fish | source\n";
  for (const CLI::App* command : commands_of(app)) {
    text += "complete -c poolwright -n __fish_use_subcommand -a " + command->get_name() + " -d " +
            single_quoted(command->get_description()) + "\n";
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        text += "complete -c poolwright -n '__fish_seen_subcommand_from " + command->get_name() + "' -l " + name +
                " -d " + single_quoted(option->get_description()) + "\n";
      }
    }
  }
  return text;
}

}  // namespace

void add_completion(CLI::App& app, int& code) {
  static std::string shell;
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  command->add_option("shell", shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, &code] {
    std::cout << (shell == "bash" ? bash_script(app) : shell == "zsh" ? zsh_script(app) : fish_script(app));
    code = kExitOk;
  });
}

}  // namespace poolwright::cli
