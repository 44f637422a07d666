//! The JSON of the ASPLOS/EuroSys 2025 contest on intra-operator parallelism
//! (github.com/google/iopddl): nodes with a lifetime, and a few strategies each
//! of which costs and uses memory in its own way.
//!
//! ```json
//! {"problem": {"name": "example",
//!   "nodes": {"intervals": [[30, 70]], "costs": [[15, 55]], "usages": [[10, 25]]},
//!   "edges": {"nodes": [], "costs": []}, "usage_limit": 50}}
//! ```
//!
//! A node is a job: its number is the id, its interval `[lower, upper)` the
//! lifetime, and one of its usages, in bytes, the size. Costs, edges and the
//! limit are passed over. A node with an empty lifetime or a usage of 0 holds
//! no memory, and is left out. The `problem` around the rest may be missing.
//!
//! Read as a stream: memory of three words a node, whatever else the file holds.

use std::fmt;
use std::io::{BufReader, Read};
use std::str::FromStr;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;

use crate::error::{FormatError, Place};
use crate::job::Job;
use crate::limits::BoundedJson;
use crate::row::{Row, Rows};
use crate::text::counted;

/// Which of a node's usages is its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// The largest: no choice of strategies needs more.
    #[default]
    Largest,
    /// The smallest: every choice of strategies needs as much.
    Smallest,
    /// The first strategy's.
    First,
}

impl FromStr for Usage {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "largest" => Ok(Usage::Largest),
            "smallest" => Ok(Usage::Smallest),
            "first" => Ok(Usage::First),
            other => Err(format!("{other:?}: use largest, smallest or first")),
        }
    }
}

impl Usage {
    fn of(self, sofar: u64, next: u64) -> u64 {
        match self {
            Usage::Largest => sofar.max(next),
            Usage::Smallest => sofar.min(next),
            Usage::First => sofar,
        }
    }
}

/// The jobs of a problem, in the order of its nodes.
#[derive(Debug)]
pub struct Reader {
    nodes: Nodes,
    next: usize,
    empty: u64,
    unused: u64,
}

impl Reader {
    /// Reads `input`, which needs no buffering of its own, to its end.
    ///
    /// # Errors
    /// [`FormatError`] with the line and column of what is not as it should be.
    pub fn new(input: impl Read, usage: Usage) -> Result<Reader, FormatError> {
        let json = BufReader::with_capacity(1 << 18, BoundedJson::new(input));
        let mut json = Deserializer::from_reader(json);
        let nodes = (Object { usage, depth: 0 })
            .deserialize(&mut json)
            .and_then(|nodes| json.end().map(|()| nodes))
            .map_err(bad_json)?;
        let Some(nodes) = nodes else {
            let what = "no \"nodes\" with \"intervals\" and \"usages\" in the object";
            let (line, column) = (1, 1);
            return Err(FormatError::malformed(
                Place::Position { line, column },
                what,
            ));
        };
        Ok(Reader {
            nodes,
            next: 0,
            empty: 0,
            unused: 0,
        })
    }
}

impl Rows for Reader {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        loop {
            let node = self.next;
            let (Some(&(lower, upper)), Some(&size)) =
                (self.nodes.intervals.get(node), self.nodes.usages.get(node))
            else {
                return Ok(None);
            };
            self.next += 1;
            if lower == upper {
                self.empty += 1;
            } else if size == 0 {
                self.unused += 1;
            } else {
                return Ok(Some(Row {
                    job: Job::new(node as u64, lower, upper, size),
                    offset: None,
                    place: Place::Node(node as u64),
                    unknown: Vec::new(),
                }));
            }
        }
    }

    fn notes(&self) -> Vec<String> {
        [
            (self.empty, "with an empty lifetime"),
            (self.unused, "with no usage"),
        ]
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, which)| format!("{} {which}: left out", counted(count, "node")))
        .collect()
    }

    fn has_unique_ids(&self) -> bool {
        true
    }
}

/// An error of JSON with its place, as the formats tell one.
pub(crate) fn bad_json(error: serde_json::Error) -> FormatError {
    if error.is_io() {
        return FormatError::Io(error.into());
    }
    let (line, column) = (error.line() as u64, error.column() as u64);
    let text = error.to_string();
    let what = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(what, _)| what);
    FormatError::malformed(Place::Position { line, column }, what)
}

/// Lifetimes and sizes, one each a node.
#[derive(Debug)]
struct Nodes {
    intervals: Vec<(u64, u64)>,
    usages: Vec<u64>,
}

/// The file's object, or the problem in it: the first `nodes` met.
struct Object {
    usage: Usage,
    depth: u32,
}

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Option<Nodes>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Option<Nodes>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"problem\", or with \"nodes\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let usage = self.usage;
        while let Some(key) = map.next_key::<String>()? {
            let nodes = match (&*key, self.depth) {
                ("problem", 0) => map.next_value_seed(Object { usage, depth: 1 })?,
                ("nodes", _) => Some(map.next_value_seed(NodesOf(usage))?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if found.is_some() && nodes.is_some() {
                return Err(A::Error::custom("a second list of nodes"));
            }
            found = found.or(nodes);
        }
        Ok(found)
    }
}

/// The object `nodes`: lists with one entry a node.
struct NodesOf(Usage);

impl<'de> DeserializeSeed<'de> for NodesOf {
    type Value = Nodes;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Nodes, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NodesOf {
    type Value = Nodes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"intervals\" and \"usages\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Nodes, A::Error> {
        let (mut intervals, mut usages) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "intervals" if intervals.is_none() => {
                    intervals = Some(map.next_value_seed(List(Interval))?);
                }
                "usages" if usages.is_none() => {
                    usages = Some(map.next_value_seed(List(Usages(self.0)))?);
                }
                "intervals" | "usages" => {
                    return Err(A::Error::custom(format!("a second {key:?}")));
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let intervals = intervals.ok_or_else(|| A::Error::missing_field("intervals"))?;
        let usages = usages.ok_or_else(|| A::Error::missing_field("usages"))?;
        if intervals.len() != usages.len() {
            return Err(A::Error::custom(format!(
                "{}, but usages of {}",
                counted(intervals.len(), "interval"),
                counted(usages.len(), "node")
            )));
        }
        Ok(Nodes { intervals, usages })
    }
}

/// A list of what a seed reads.
struct List<S>(S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for List<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for List<S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list with one entry a node")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(next) = list.next_element_seed(self.0)? {
            all.push(next);
        }
        Ok(all)
    }
}

#[derive(Clone, Copy)]
struct Interval;

impl<'de> DeserializeSeed<'de> for Interval {
    type Value = (u64, u64);

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        let (lower, upper) = serde::Deserialize::deserialize(from)?;
        if lower > upper {
            return Err(D::Error::custom(format!(
                "interval [{lower}, {upper}] ends before it begins"
            )));
        }
        Ok((lower, upper))
    }
}

/// The usages of one node, of which one is its size.
#[derive(Clone, Copy)]
struct Usages(Usage);

impl<'de> DeserializeSeed<'de> for Usages {
    type Value = u64;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Usages {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of a node's usages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u64, A::Error> {
        let Some(mut size) = list.next_element()? else {
            return Err(A::Error::custom("a node without usages"));
        };
        while let Some(next) = list.next_element()? {
            size = self.0.of(size, next);
        }
        Ok(size)
    }
}
