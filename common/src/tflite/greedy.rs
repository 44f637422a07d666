//! Where the planner of TensorFlow Lite Micro puts buffers, to the byte.
//!
//! Those with an offset in the offline plan stay there. The others follow by size, the largest
//! first, of equal ones the last first; each takes the lowest gap between those already placed
//! that are live with it. Source: the library's `greedy_memory_planner.cc`.

use super::requests::Request;

/// For so many buffers the placement is made: its time is quadratic, here and there.
pub const MOST: usize = 20_000;

/// One offset a request, in bytes. O(n²) time, O(n) memory; `None` for more than [`MOST`].
pub(super) fn place(requests: &[Request]) -> Option<Vec<u64>> {
    if requests.len() > MOST {
        return None;
    }
    let mut offsets = vec![0; requests.len()];
    // By offset; of equal ones the earlier placed first.
    let mut placed: Vec<usize> = Vec::with_capacity(requests.len());
    let put = |number: usize, offset: u64, placed: &mut Vec<usize>, offsets: &mut [u64]| {
        offsets[number] = offset;
        let place = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(place, number);
    };
    let (mut online, mut fixed) = (Vec::new(), Vec::new());
    for (number, request) in requests.iter().enumerate() {
        match request.offset {
            Some(offset) => fixed.push((number, offset)),
            None => online.push(number),
        }
    }
    for (number, offset) in fixed {
        put(number, offset, &mut placed, &mut offsets);
    }
    online.reverse();
    online.sort_by_key(|&number| std::cmp::Reverse(requests[number].size));
    for number in online {
        let wanted = &requests[number];
        let mut lowest = 0;
        for &other in &placed {
            let next = &requests[other];
            if next.first > wanted.last || wanted.first > next.last {
                continue;
            }
            if offsets[other] >= lowest + wanted.size {
                break;
            }
            lowest = lowest.max(offsets[other] + next.size);
        }
        put(number, lowest, &mut placed, &mut offsets);
    }
    Some(offsets)
}
