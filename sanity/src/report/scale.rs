//! Even, round marks of an axis, and classes of values with round bounds that
//! get one colour each. The page's `axes.js` follows the same rules.

use common::units::human_bytes;

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Bytes, in binary units.
    Bytes,
    /// Nanoseconds.
    Time,
    /// A clock of which nothing is known.
    Ticks,
}

const BINARY: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const TIMES: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];

/// Marks of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marks {
    /// Each value and what stands there, without the unit.
    pub(super) marks: Vec<(f64, String)>,
    /// The unit of all of them.
    pub(super) unit: &'static str,
}

impl Marks {
    /// At most some marks between two values.
    pub(super) fn new(from: f64, to: f64, most: usize, unit: Unit) -> Marks {
        let rough = ((to - from) / most.max(1) as f64).max(1.0);
        let step = match unit {
            Unit::Bytes => rough.log2().ceil().exp2(),
            Unit::Time | Unit::Ticks => {
                let power = 10f64.powf(rough.log10().floor());
                let factor = [1.0, 2.0, 5.0, 10.0]
                    .into_iter()
                    .find(|factor| power * factor >= rough * 0.999);
                power * factor.unwrap_or(10.0)
            }
        };
        let (name, size) = match unit {
            Unit::Bytes => (0..BINARY.len())
                .map(|power| (BINARY[power], 1024f64.powi(power as i32)))
                .rfind(|(_, size)| step >= size / 4.0)
                .unwrap_or(("B", 1.0)),
            Unit::Time => TIMES
                .into_iter()
                .rfind(|(_, size)| step >= size / 10.0)
                .unwrap_or(TIMES[0]),
            Unit::Ticks => ("", 1.0),
        };
        let digits = match unit {
            Unit::Bytes => (size / step).log2().ceil().max(0.0) as usize,
            _ => usize::from(step < size),
        };
        let (first, last) = ((from / step).ceil(), (to / step).floor());
        let count = (last - first).clamp(-1.0, 100.0) as i64;
        let mark = |index: i64| {
            let value = (first + index as f64) * step;
            (value, format!("{:.digits$}", value / size))
        };
        Marks {
            marks: (0..=count).map(mark).collect(),
            unit: name,
        }
    }
}

/// Classes of values, each with a colour.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// The largest value of every class but the last.
    bounds: Vec<f64>,
    unit: Unit,
    colours: usize,
}

impl Scale {
    /// The finest classes with round bounds that so many colours tell apart.
    pub(super) fn new(values: impl Iterator<Item = f64>, unit: Unit, colours: usize) -> Scale {
        let (least, most) = values.fold((f64::INFINITY, 1.0f64), |(least, most), value| {
            (least.min(value.max(1.0)), most.max(value))
        });
        // A few that live for next to no time do not make all classes coarse.
        let least = match unit {
            Unit::Bytes => least,
            Unit::Time | Unit::Ticks => least.max(most / 1e7),
        };
        let mut bounds = Vec::new();
        for coarseness in 0.. {
            bounds = rounds(unit, coarseness, least, most);
            if bounds.len() < colours {
                break;
            }
        }
        Scale {
            bounds,
            unit,
            colours,
        }
    }

    /// Which of the colours a value has.
    pub(super) fn step(&self, value: f64) -> usize {
        self.colour(self.bounds.partition_point(|&bound| bound < value))
    }

    /// The first class has the first of the colours, the last the last.
    fn colour(&self, class: usize) -> usize {
        let classes = self.bounds.len().max(1);
        (class * (self.colours - 1) + classes / 2) / classes
    }

    /// What each class means, and its colour.
    pub(super) fn legend(&self) -> Vec<(usize, String)> {
        let text = |bound: f64| value_text(bound, self.unit);
        let mut legend: Vec<(usize, String)> = (0..)
            .zip(&self.bounds)
            .map(|(class, &bound)| (self.colour(class), format!("≤ {}", text(bound))))
            .collect();
        let rest = match self.bounds.last() {
            Some(&bound) => format!("> {}", text(bound)),
            None => "all".to_owned(),
        };
        legend.push((self.colour(self.bounds.len()), rest));
        legend
    }
}

/// A round value with its unit.
pub(super) fn value_text(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => human_bytes(value as u64)
            .replace(".00 ", " ")
            .replace(".0 ", " "),
        Unit::Time => {
            let (name, size) = TIMES
                .into_iter()
                .rfind(|(_, size)| value >= *size)
                .unwrap_or(TIMES[0]);
            format!("{} {name}", value / size)
        }
        Unit::Ticks => value.to_string(),
    }
}

/// Round values from `least` to below `most`, the finest first: powers of 2 and
/// of 4, 8, ... for bytes; else 1, 2, 5, 10, and then powers of 10, 100, ...
fn rounds(unit: Unit, coarseness: i32, least: f64, most: f64) -> Vec<f64> {
    let mut values = Vec::new();
    let mut power = 1.0f64;
    while power < most {
        match unit {
            Unit::Bytes => {
                values.push(power);
                power *= 2f64.powi(coarseness + 1);
            }
            Unit::Time | Unit::Ticks if coarseness == 0 => {
                values.extend([1.0, 2.0, 5.0].map(|factor| power * factor));
                power *= 10.0;
            }
            Unit::Time | Unit::Ticks => {
                values.push(power);
                power *= 10f64.powi(coarseness);
            }
        }
    }
    values.retain(|&value| least <= value && value < most);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(from: f64, to: f64, most: usize, unit: Unit) -> (Vec<String>, &'static str) {
        let marks = Marks::new(from, to, most, unit);
        (
            marks.marks.into_iter().map(|mark| mark.1).collect(),
            marks.unit,
        )
    }

    #[test]
    fn marks_are_even_round_and_in_one_unit() {
        let mebi = 1048576.0;
        let (labels, unit) = texts(0.0, 2.9 * mebi, 6, Unit::Bytes);
        assert_eq!(
            (labels.join(" "), unit),
            ("0.0 0.5 1.0 1.5 2.0 2.5".to_owned(), "MiB")
        );
        let (labels, unit) = texts(2e9, 4.4e9, 6, Unit::Time);
        assert_eq!(
            (labels.join(" "), unit),
            ("2.0 2.5 3.0 3.5 4.0".to_owned(), "s")
        );
        let (labels, unit) = texts(1.0, 11.0, 5, Unit::Ticks);
        assert_eq!((labels.join(" "), unit), ("2 4 6 8 10".to_owned(), ""));
        let (labels, unit) = texts(0.0, 100.0, 4, Unit::Bytes);
        assert_eq!((labels.join(" "), unit), ("0 32 64 96".to_owned(), "B"));
    }

    #[test]
    fn classes_have_round_bounds_and_as_many_colours_as_there_are() {
        let scale = Scale::new([1.0, 5e6].into_iter(), Unit::Bytes, 8);
        let legend: Vec<String> = scale.legend().into_iter().map(|entry| entry.1).collect();
        assert_eq!(
            legend.join(", "),
            "≤ 1 B, ≤ 16 B, ≤ 256 B, ≤ 4 KiB, ≤ 64 KiB, ≤ 1 MiB, > 1 MiB"
        );
        assert_eq!(scale.legend().last().expect("a class").0, 7);
        assert_eq!(
            [1.0, 2.0, 16.0, 17.0, 5e6].map(|value| scale.step(value)),
            [0, 1, 1, 2, 7]
        );
        let scale = Scale::new([2e3, 4e7].into_iter(), Unit::Time, 8);
        let legend: Vec<String> = scale.legend().into_iter().map(|entry| entry.1).collect();
        assert_eq!(
            legend.join(", "),
            "≤ 10 µs, ≤ 100 µs, ≤ 1 ms, ≤ 10 ms, > 10 ms"
        );
        for values in [vec![], vec![0.0], vec![7.0; 3]] {
            let scale = Scale::new(values.into_iter(), Unit::Bytes, 8);
            assert_eq!(scale.legend(), [(0, "all".to_owned())]);
            assert_eq!(scale.step(7.0), 0);
        }
    }
}
