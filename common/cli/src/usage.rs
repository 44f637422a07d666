//! Wrong usage told as every other error is: one line that says what is wrong,
//! and what to do next.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use common::text::printable;

/// What clap refused, on one line. Of what clap would say beside it, similar
/// names stay; how to call the program is told by `--help`.
pub(crate) fn line(name: &str, mut error: clap::Error) -> String {
    let what = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a subcommand is missing".to_owned()
    } else {
        error.remove(ContextKind::Usage);
        error.remove(ContextKind::Suggested);
        escape(&mut error);
        joined(&error.render().to_string())
    };
    format!("{what}; try '{name} --help'")
}

/// What was typed may hold line ends, and is shown without.
fn escape(error: &mut clap::Error) {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue] {
        if let Some(ContextValue::String(typed)) = error.get(kind) {
            let typed = printable(typed).into_owned();
            error.insert(kind, ContextValue::String(typed));
        }
    }
}

/// The lines of an error as clap renders it, as one.
fn joined(rendered: &str) -> String {
    let body = rendered.trim_end();
    let body = body.strip_prefix("error: ").unwrap_or(body);
    // The last line names --help.
    let body = body.rsplit_once("\n\n").map_or(body, |(body, _)| body);
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut joined = String::new();
    for line in lines {
        let line = match line.strip_prefix("tip: ") {
            Some(tip) => &format!("; {tip}"),
            None if joined.is_empty() => line,
            None if joined.ends_with(':') || line.starts_with('[') => &format!(" {line}"),
            None => &format!(", {line}"),
        };
        joined.push_str(line);
    }
    joined
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::line;

    fn told(arguments: &[&str]) -> String {
        let command = Command::new("tool")
            .arg(Arg::new("input").required(true))
            .arg(Arg::new("output").required(true))
            .arg(Arg::new("format").long("format").value_parser(["a", "b"]))
            .arg(
                Arg::new("number")
                    .long("number")
                    .value_parser(clap::value_parser!(u8)),
            );
        let typed = ["tool"].into_iter().chain(arguments.iter().copied());
        let error = command.try_get_matches_from(typed).expect_err("refused");
        line("tool", error)
    }

    #[test]
    fn whatever_clap_refuses_is_one_line() {
        for (arguments, expected) in [
            (
                &["--foo"][..],
                "unexpected argument '--foo' found; try 'tool --help'",
            ),
            (
                &["--fromat"],
                "unexpected argument '--fromat' found; a similar argument exists: '--format'; \
                 try 'tool --help'",
            ),
            (
                &[],
                "the following required arguments were not provided: <input>, <output>; \
                 try 'tool --help'",
            ),
            (
                &["x", "y", "--format", "c"],
                "invalid value 'c' for '--format <format>' [possible values: a, b]; \
                 try 'tool --help'",
            ),
            (
                &["x", "y", "--number", "256"],
                "invalid value '256' for '--number <number>': 256 is not in 0..=255; \
                 try 'tool --help'",
            ),
            (
                &["x", "y", "one\n\nUsage: two"],
                "unexpected argument 'one\\n\\nUsage: two' found; try 'tool --help'",
            ),
        ] {
            assert_eq!(told(arguments), expected);
        }
    }
}
