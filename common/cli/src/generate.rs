//! Manual pages and shell completions, made from the options themselves, so
//! that they cannot tell anything else: `PROGRAM --generate WHAT`.

use std::io::{self, Write as _};

use clap::{Arg, ArgMatches, Command, ValueEnum, value_parser};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::output;

const OPTION: &str = "generate";

/// What can be made.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    /// The manual page
    Man,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
}

/// The command with the option that asks for it.
pub(crate) fn with_option(command: Command) -> Command {
    command.arg(
        Arg::new(OPTION)
            .long(OPTION)
            .value_name("WHAT")
            .value_parser(value_parser!(What))
            .exclusive(true)
            .hide_short_help(true)
            .help("Print this program's manual page or its completions for a shell, and do nothing else"),
    )
}

/// What was asked for.
pub(crate) fn asked(matches: &ArgMatches) -> Option<What> {
    matches.get_one(OPTION).copied()
}

/// Puts it on standard output.
pub(crate) fn write(what: What, name: &str, mut command: Command) -> anyhow::Result<()> {
    let mut made = Vec::new();
    let mut complete = |shell| clap_complete::generate(shell, &mut command, name, &mut made);
    match what {
        What::Man => manual(command, &mut made)?,
        What::Bash => complete(Shell::Bash),
        What::Zsh => complete(Shell::Zsh),
        What::Fish => complete(Shell::Fish),
    }
    output::print(&made)
}

fn manual(command: Command, page: &mut Vec<u8>) -> io::Result<()> {
    let after = command
        .get_after_long_help()
        .or_else(|| command.get_after_help())
        .map(|text| text.to_string())
        .unwrap_or_default();
    let man = Man::new(command);
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    notes(&after, page)?;
    man.render_version_section(page)
}

/// What stands after the options, with its own line breaks: it holds examples
/// and tables.
fn notes(text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    writeln!(page, ".SH NOTES\n.nf")?;
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A line that begins with a dot or an apostrophe would be a request.
        let guard = if line.starts_with(['.', '\'']) {
            "\\&"
        } else {
            ""
        };
        writeln!(page, "{guard}{line}")?;
    }
    writeln!(page, ".fi")
}
