//! What the planner of TensorFlow Lite Micro is given: buffers with their sizes and lifetimes.
//!
//! A step counter begins at 0. A subgraph's inputs are created at the step at which it begins.
//! Each operator takes one step more: at it its outputs are created, and its inputs and outputs
//! last used. IF, WHILE and CALL_ONCE take another step for each subgraph that they call, and
//! all its steps, before their inputs are marked as used. The outputs of a subgraph are last
//! used at its end. What is created twice, as in a subgraph that is called twice, lives from the
//! first time on. Both ends of a lifetime belong to it. A tensor that nothing creates has the
//! step -1, and so it conflicts with all others of that kind.
//!
//! A tensor is planned unless the model holds its content, it is a variable (which has memory of
//! its own), it is the output of VAR_HANDLE or it has no bytes. Sizes are rounded up to 16.
//! Source: `micro_allocation_info.cc` of the library, which has planned all subgraphs
//! since March 2023.

use super::greedy;
use super::model::Model;
use super::scratch::{self, Scratch};
use super::{Log, ModelError};
use crate::job::Job;

/// The alignment of all buffers in bytes.
pub const ALIGNMENT: u64 = 16;

/// Calls of subgraphs within one another.
const MOST_NESTED: usize = 64;

/// Steps of a model in all, and tensors marked on the way: calls of calls multiply.
const MOST_STEPS: u64 = 1 << 24;

/// A buffer that the planner is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The tensor, numbered over all subgraphs; `None` for a scratch buffer.
    pub tensor: Option<usize>,
    /// The tensor's name; for a scratch buffer, whose it is.
    pub name: String,
    /// Bytes, a multiple of [`ALIGNMENT`].
    pub size: u64,
    /// The first step at which it is live, or -1.
    pub first: i64,
    /// The last step at which it is live, or -1.
    pub last: i64,
    /// Where an offline plan puts it, in bytes from the start of the arena.
    pub offset: Option<u64>,
}

/// All buffers that the planner is asked for, in that order: tensors, then scratch buffers.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    all: Vec<Request>,
    tensors: usize,
    notes: Vec<String>,
}

/// Which offline plan the planner is given beside the buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The one that the model has, if it has one.
    Kept,
    /// None.
    Dropped,
}

impl Model<'_> {
    /// What the planner is asked for. Scratch buffers are those of the log, or else those of
    /// the reference kernels. Linear in the model's length and the steps that it takes.
    ///
    /// # Errors
    /// [`ModelError`] for a tensor without a known size, calls without an end, an offline plan
    /// that the library refuses, or a log of another model.
    pub fn requests(&self, log: Option<&Log>, plan: Plan) -> Result<Requests, ModelError> {
        let scratch = match log {
            Some(_) => Vec::new(),
            None => scratch::of_reference_kernels(self),
        };
        let mut walk = Walk {
            model: self,
            lifetimes: vec![(-1, -1); self.tensors.len()],
            scratch: &scratch,
            of_scratch: vec![(-1, -1); scratch.len()],
            step: 0,
            left: MOST_STEPS,
            calling: Vec::new(),
        };
        walk.subgraph(0)?;
        let (lifetimes, of_scratch) = (walk.lifetimes, walk.of_scratch);
        let mut requests = Requests {
            tensors: self.tensors.len(),
            ..Requests::default()
        };
        requests.add_tensors(self, &lifetimes, plan)?;
        match log {
            Some(log) => requests.add_logged(log)?,
            None => requests.add_scratch(self, &scratch, &of_scratch)?,
        }
        requests.note(self);
        Ok(requests)
    }

    /// Where the model's own plan puts a tensor, if the planner is given it.
    fn planned(&self, tensor: usize, plan: Plan) -> Result<Option<u64>, ModelError> {
        let Some(own) = self.plan.as_ref().filter(|_| plan == Plan::Kept) else {
            return Ok(None);
        };
        if own.tensors != self.tensors.len() as u64 {
            let (has, is) = (own.tensors, self.tensors.len());
            let what = format!(
                "an offline plan of {has} tensors in a model of {is}: the library refuses it"
            );
            return Err(ModelError::at(own.at, what));
        }
        match own.offsets[tensor] {
            -1 => Ok(None),
            offset => match u64::try_from(offset) {
                Ok(offset) => Ok(Some(offset)),
                Err(_) => {
                    let at = own.at + 4 * (3 + tensor);
                    let what = format!("an offline plan with the offset {offset}");
                    Err(ModelError::at(at, what))
                }
            },
        }
    }
}

impl Requests {
    /// All of them.
    pub fn all(&self) -> &[Request] {
        &self.all
    }

    /// What was taken for granted, or left out, each in a few words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// One job a request, in their order. A tensor's id is its number, scratch buffers follow
    /// behind the last tensor. Lifetimes are half-open, and begin at 0, also where a step -1
    /// occurs. A scratch buffer may have no bytes: no problem holds such a job.
    pub fn jobs(&self) -> Vec<Job> {
        let shift = self.all.iter().map(|request| -request.first).max();
        let shift = shift.unwrap_or(0).max(0);
        let mut id = self.tensors as u64;
        let job = |request: &Request| {
            let own = request.tensor.map(|tensor| tensor as u64);
            let number = own.unwrap_or(id);
            id += u64::from(own.is_none());
            let (birth, death) = (request.first + shift, request.last + 1 + shift);
            Job::new(number, birth as u64, death as u64, request.size).aligned(ALIGNMENT)
        };
        self.all.iter().map(job).collect()
    }

    /// The same with these offsets in an offline plan, one a request. Scratch buffers are left
    /// to the planner, as no plan can hold them.
    pub fn planned(&self, offsets: &[u64]) -> Requests {
        let mut planned = self.clone();
        for (request, &offset) in planned.all.iter_mut().zip(offsets) {
            request.offset = request.tensor.map(|_| offset);
        }
        planned
    }

    /// Where the library's planner puts each: see [`greedy`]. `None` where there are more than
    /// [`greedy::MOST`].
    pub fn greedy(&self) -> Option<Vec<u64>> {
        greedy::place(&self.all)
    }

    /// The memory that a placement takes, in bytes: the arena's head.
    pub fn head(&self, offsets: &[u64]) -> u64 {
        let tops = self.all.iter().zip(offsets);
        tops.map(|(request, offset)| offset + request.size)
            .max()
            .unwrap_or(0)
    }

    /// One a tensor of the model, as a plan has them.
    pub fn offsets_of_tensors(&self) -> Vec<Option<u64>> {
        let mut offsets = vec![None; self.tensors];
        for request in &self.all {
            if let Some(tensor) = request.tensor {
                offsets[tensor] = request.offset;
            }
        }
        offsets
    }

    fn add_tensors(
        &mut self,
        model: &Model<'_>,
        lifetimes: &[(i64, i64)],
        plan: Plan,
    ) -> Result<(), ModelError> {
        for (number, tensor) in model.tensors.iter().enumerate() {
            if tensor.has_data || tensor.is_handle {
                continue;
            }
            let offset = model.planned(number, plan)?;
            let bytes = tensor.bytes()?;
            if bytes == 0 || tensor.is_variable && offset.is_none() {
                continue;
            }
            let (first, last) = lifetimes[number];
            self.all.push(Request {
                tensor: Some(number),
                name: tensor.name(),
                size: bytes.next_multiple_of(ALIGNMENT),
                first,
                last: last.max(first),
                offset,
            });
        }
        Ok(())
    }

    fn add_scratch(
        &mut self,
        model: &Model<'_>,
        scratch: &[Scratch],
        lifetimes: &[(i64, i64)],
    ) -> Result<(), ModelError> {
        for (scratch, &(first, last)) in scratch.iter().zip(lifetimes) {
            if scratch.bytes > i32::MAX as u64 {
                let what = format!("a scratch buffer of {} bytes", scratch.bytes);
                return Err(ModelError::at(model.root.at(), what));
            }
            let (subgraph, operator) = (scratch.subgraph, scratch.operator);
            self.all.push(Request {
                tensor: None,
                name: format!("scratch of operator {operator} in subgraph {subgraph}"),
                size: scratch.bytes.next_multiple_of(ALIGNMENT),
                first,
                last,
                offset: None,
            });
        }
        Ok(())
    }

    fn add_logged(&mut self, log: &Log) -> Result<(), ModelError> {
        let tensors = self.all.iter();
        let tensors: Vec<_> = tensors
            .map(|request| (request.size, request.first, request.last))
            .collect();
        for line in log.behind(&tensors)? {
            self.all.push(Request {
                tensor: None,
                name: format!("scratch in line {} of the log", line.number),
                size: line.size.next_multiple_of(ALIGNMENT),
                first: line.first,
                last: line.last,
                offset: None,
            });
        }
        Ok(())
    }

    fn note(&mut self, model: &Model<'_>) {
        let scratch = self.all.iter().filter(|request| request.tensor.is_none());
        let scratch = scratch.count();
        let is_logged = self
            .all
            .iter()
            .any(|request| request.name.contains("of the log"));
        if scratch > 0 && !is_logged {
            self.notes.push(format!(
                "scratch buffers of the reference kernels: {scratch}; other kernels ask for others"
            ));
        }
        if !is_logged {
            for name in scratch::unknown(model) {
                let name = String::from_utf8_lossy(&name[..name.len().min(64)]);
                self.notes.push(format!(
                    "custom operator {name:?}: its scratch buffers, if any, are not known"
                ));
            }
        }
        let mut count = |what: &str, count: usize| {
            if count > 0 {
                self.notes.push(format!("{what}: {count}"));
            }
        };
        let variables = model.tensors.iter().filter(|tensor| tensor.is_variable);
        count(
            "variable tensors, which the plan leaves out",
            variables.count(),
        );
        let unused = self.all.iter().filter(|request| request.last < 0);
        count("buffers that no operator uses", unused.count());
    }
}

/// The counter on its way through the subgraphs.
struct Walk<'a> {
    model: &'a Model<'a>,
    lifetimes: Vec<(i64, i64)>,
    scratch: &'a [Scratch],
    of_scratch: Vec<(i64, i64)>,
    step: i64,
    left: u64,
    calling: Vec<usize>,
}

impl Walk<'_> {
    fn subgraph(&mut self, number: usize) -> Result<(), ModelError> {
        let bad = |what: String| Err(ModelError::at(self.model.root.at(), what));
        if self.calling.contains(&number) {
            return bad(format!("subgraph {number} calls itself"));
        }
        if self.calling.len() == MOST_NESTED {
            return bad(format!("more than {MOST_NESTED} calls within one another"));
        }
        self.calling.push(number);
        let model = self.model;
        let subgraph = &model.subgraphs[number];
        self.create(&subgraph.inputs)?;
        self.use_last(&subgraph.inputs)?;
        for (place, operator) in subgraph.operators.iter().enumerate() {
            self.step += 1;
            self.create(&operator.outputs)?;
            let began = self.step;
            for &call in &operator.calls {
                self.step += 1;
                self.subgraph(call)?;
            }
            self.use_last(&operator.inputs)?;
            self.use_last(&operator.outputs)?;
            let own = (number, place);
            let of = |scratch: &Scratch| (scratch.subgraph, scratch.operator);
            let from = self.scratch.partition_point(|scratch| of(scratch) < own);
            let to = self.scratch.partition_point(|scratch| of(scratch) <= own);
            for lifetime in &mut self.of_scratch[from..to] {
                mark(lifetime, began);
                lifetime.1 = self.step;
            }
        }
        self.create(&subgraph.outputs)?;
        self.use_last(&subgraph.outputs)?;
        self.calling.pop();
        Ok(())
    }

    fn create(&mut self, tensors: &[Option<u32>]) -> Result<(), ModelError> {
        self.spend(tensors.len())?;
        for &tensor in tensors.iter().flatten() {
            mark(&mut self.lifetimes[tensor as usize], self.step);
        }
        Ok(())
    }

    fn use_last(&mut self, tensors: &[Option<u32>]) -> Result<(), ModelError> {
        self.spend(tensors.len())?;
        for &tensor in tensors.iter().flatten() {
            self.lifetimes[tensor as usize].1 = self.step;
        }
        Ok(())
    }

    fn spend(&mut self, tensors: usize) -> Result<(), ModelError> {
        self.left = self.left.checked_sub(1 + tensors as u64).ok_or_else(|| {
            let what = format!("calls of subgraphs that take more than {MOST_STEPS} steps");
            ModelError::at(self.model.root.at(), what)
        })?;
        Ok(())
    }
}

/// A lifetime begins, unless it has begun.
fn mark(lifetime: &mut (i64, i64), step: i64) {
    if lifetime.0 < 0 {
        lifetime.0 = step;
    }
}
