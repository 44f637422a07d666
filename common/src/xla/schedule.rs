//! When each value of a module is live, from the order in which its instructions
//! run: one clock for the whole module, which ticks at each instruction, with the
//! computations that a loop, a conditional or a call runs in front of it.
//!
//! A value lives from its instruction to the last one that takes it, both included,
//! or to the end of a computation that it is the result of. What a loop begins with
//! lives until its body starts, where the body's parameter takes over. The ranges of
//! values in one place are then cut so that each ends where the next begins.
//!
//! Source: `hlo_live_range.cc` of the repository openxla/xla, whose results these
//! are, number by number.

use super::hlo::flow::Flow;
use super::hlo::{Module, Opcode};
use super::union::Sets;

/// When the instructions of a module run.
pub(super) struct Schedule {
    /// Of each instruction, where it runs in the module's memory.
    times: Vec<Option<u64>>,
    /// Of each computation its first instruction and the one behind its last.
    spans: Vec<Option<(u64, u64)>>,
    end: u64,
}

impl Schedule {
    /// Counts through a module. O(n).
    ///
    /// # Errors
    /// Why the order is not certain, in words.
    pub(super) fn of(module: &Module) -> Result<Schedule, &'static str> {
        if !module.is_scheduled {
            return Err("the HLO is not scheduled");
        }
        if module.has_hidden {
            return Err(
                "the HLO's text leaves get-tuple-element instructions out (its .hlo.pb has them)",
            );
        }
        let mut schedule = Schedule {
            times: vec![None; module.instructions.len()],
            spans: vec![None; module.computations.len()],
            end: 0,
        };
        // Computation, instruction of it, and the one that it calls.
        let mut open = vec![(module.entry, 0, 0)];
        schedule.spans[module.entry as usize] = Some((0, 0));
        while let Some((computation, at, call)) = open.last_mut() {
            let order = &module.computations[*computation as usize].order;
            let Some(&index) = order.get(*at) else {
                if let Some(span) = &mut schedule.spans[*computation as usize] {
                    span.1 = schedule.end;
                }
                open.pop();
                continue;
            };
            let instruction = &module.instructions[index as usize];
            match instruction.opcode {
                Opcode::AsyncStart | Opcode::AsyncUpdate | Opcode::AsyncDone => {
                    return Err("the HLO has asynchronous computations");
                }
                opcode if opcode.is_control_flow() && *call < instruction.called.len() => {
                    // A loop's condition is in front of its body.
                    let number = match opcode {
                        Opcode::While => instruction.called.len() - 1 - *call,
                        _ => *call,
                    };
                    *call += 1;
                    let called = instruction.called[number];
                    let span = &mut schedule.spans[called as usize];
                    if span.is_none() {
                        *span = Some((schedule.end, schedule.end));
                        open.push((called, 0, 0));
                    }
                }
                _ => {
                    schedule.times[index as usize] = Some(schedule.end);
                    schedule.end += 1;
                    (*at, *call) = (*at + 1, 0);
                }
            }
        }
        Ok(schedule)
    }

    /// When what an instruction leaves at the end of its run is there.
    fn end_of(&self, module: &Module, flow: &Flow, index: u32) -> Option<u64> {
        let time = self.times[index as usize]?;
        let home = flow.homes[index as usize];
        let is_root = module.computations[home as usize].root == index;
        let span = self.spans[home as usize]?;
        Some(if is_root { span.1 } else { time })
    }

    /// When an instruction reads what it takes.
    fn use_of(&self, module: &Module, index: u32) -> Option<u64> {
        let instruction = &module.instructions[index as usize];
        let time = self.times[index as usize]?;
        match (instruction.opcode, instruction.called.first()) {
            (Opcode::While, Some(&body)) => {
                let parameter = module.computations[body as usize].parameter(0)?;
                self.times[parameter as usize]
            }
            // The computation that it calls has the uses.
            (Opcode::Call, Some(_)) => None,
            _ => Some(time),
        }
    }

    /// The last instant of each set of positions that are one value.
    pub(super) fn ends(&self, module: &Module, flow: &Flow, same: &mut Sets) -> Vec<u64> {
        let mut ends = vec![0; flow.count as usize];
        let mut extend = |position: u32, time: u64| {
            let end = &mut ends[same.of(position) as usize];
            *end = (*end).max(time);
        };
        for (index, instruction) in (0..).zip(&module.instructions) {
            let (Some(own), Some(time)) =
                (flow.position(index, 0), self.end_of(module, flow, index))
            else {
                continue;
            };
            for node in 0..instruction.shape.nodes() {
                extend(own + node, time);
            }
            let Some(time) = self.use_of(module, index) else {
                continue;
            };
            for number in 0..instruction.operands.len() {
                let Some((from, shape)) = flow.operand(module, instruction, number) else {
                    continue;
                };
                // These look at the tuple itself, and hand its elements on.
                let nodes = match instruction.opcode {
                    Opcode::GetTupleElement | Opcode::Copy => 1,
                    _ => shape.nodes(),
                };
                for node in 0..nodes {
                    extend(from + node, time);
                }
            }
        }
        ends
    }

    /// The range of the value that an instruction defines, ends inclusive; `last` is
    /// the last instant of it.
    pub(super) fn range(
        &self,
        module: &Module,
        flow: &Flow,
        (instruction, node): (u32, u32),
        last: u64,
    ) -> Option<(u64, u64)> {
        let time = self.times[instruction as usize]?;
        let home = flow.homes[instruction as usize];
        if module.instructions[instruction as usize].opcode != Opcode::Parameter {
            return Some((time, last));
        }
        // Nothing may lie there before the parameter's turn.
        let (start, _) = self.spans[home as usize]?;
        let position = flow.position(instruction, node)?;
        let stays = home == module.entry && !flow.donated.contains(&position);
        Some((start, if stays { self.end } else { last }))
    }
}

/// Cuts the ranges of values in one place: each ends where the next begins. Each has
/// its first and last instant, and the value's number.
pub(super) fn cut(ranges: &mut [(u64, u64, u64)]) {
    ranges.sort_unstable();
    for index in 1..ranges.len() {
        let (before, behind) = ranges.split_at_mut(index);
        let (Some(before), Some(behind)) = (before.last_mut(), behind.first_mut()) else {
            continue;
        };
        behind.1 = behind.1.max(before.1);
        before.1 = before.1.min(behind.0);
    }
}
