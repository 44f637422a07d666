"""Writes a snapshot as torch.cuda.memory._dump_snapshot() does, of a simulated GPU.

    python snapshot.py FILE [--protocol N] [--steps N] [--seed N] [--ring N]
                       [--expandable] [--devices N] [--no-share] [--no-frames]

The allocator is PyTorch's by its published rules: sizes in multiples of 512 bytes; blocks
up to 1 MiB from segments of 2 MiB, larger ones from segments of 20 MiB, and from 10 MiB on
from segments of their own in multiples of 2 MiB; best fit, split, and joined when free. The
work is training steps of a chain of layers. Prints what it knows, as JSON: the most bytes
that were reserved, and that blocks took, at once, and how many blocks there were.
"""

import argparse
import json
import pickle
import random

MIB = 1 << 20
SMALL, LARGE = MIB, 10 * MIB


class Block:
    def __init__(self, address, size, segment):
        self.address, self.size, self.segment = address, size, segment
        self.requested, self.state, self.stream = 0, "inactive", 0


class Device:
    """The caching allocator of one device, and its history."""

    def __init__(self, index, frames, expandable):
        self.index, self.frames, self.expandable = index, frames, expandable
        self.next_address = 0x7F00_0000_0000 + index * (1 << 40)
        self.segments = {}  # address -> {"size", "blocks", "stream", "small"}
        self.trace, self.time = [], 1_700_000_000_000_000
        self.reserved = self.allocated = 0
        self.most_reserved = self.most_allocated = self.count = 0

    def event(self, action, address, size, stream):
        self.time += 37
        entry = {"action": action, "addr": address, "size": size, "stream": stream,
                 "time_us": self.time, "compile_context": "N/A", "user_metadata": ""}
        frames = self.frames()
        if frames is not None:
            entry["frames"] = frames
        self.trace.append(entry)

    def map(self, size, stream, small):
        if self.expandable:
            for address, segment in self.segments.items():
                if (segment["stream"], segment["small"]) == (stream, small):
                    part = Block(address + segment["size"], size, address)
                    segment["size"] += size
                    segment["blocks"].append(part)
                    break
            else:
                address = self.next_address
                self.next_address += 1 << 36
                part = Block(address, size, address)
                self.segments[address] = {"size": size, "blocks": [part],
                                          "stream": stream, "small": small}
            self.event("segment_map", part.address, size, stream)
        else:
            part = Block(self.next_address, size, self.next_address)
            self.next_address += size + 2 * MIB * random.randrange(3)
            self.segments[part.address] = {"size": size, "blocks": [part],
                                           "stream": stream, "small": small}
            self.event("segment_alloc", part.address, size, stream)
        self.reserved += size
        self.most_reserved = max(self.most_reserved, self.reserved)
        return self.join(part)

    def join(self, block):
        blocks = self.segments[block.segment]["blocks"]
        at = blocks.index(block)
        for other in (at + 1, at - 1):
            if 0 <= other < len(blocks) and blocks[other].state == "inactive":
                first, second = sorted((block, blocks[other]), key=lambda b: b.address)
                first.size += second.size
                blocks.remove(second)
                block, at = first, blocks.index(first)
        return block

    def alloc(self, requested, stream=0):
        size = max(512, -(-requested // 512) * 512)
        small = size <= SMALL
        free = [block for segment in self.segments.values()
                if (segment["stream"], segment["small"]) == (stream, small)
                for block in segment["blocks"]
                if block.state == "inactive" and block.size >= size]
        if free:
            block = min(free, key=lambda b: (b.size, b.address))
        elif small:
            block = self.map(2 * MIB, stream, small)
        elif size < LARGE:
            block = self.map(20 * MIB, stream, small)
        else:
            block = self.map(-(-size // (2 * MIB)) * 2 * MIB, stream, small)
        left = block.size - size
        if left >= 512 if small or self.expandable else left > SMALL:
            blocks = self.segments[block.segment]["blocks"]
            blocks.insert(blocks.index(block) + 1,
                          Block(block.address + size, left, block.segment))
            block.size = size
        block.state, block.requested, block.stream = "active_allocated", requested, stream
        self.allocated += size
        self.most_allocated = max(self.most_allocated, self.allocated)
        self.count += 1
        self.event("alloc", block.address, requested, stream)
        return block

    def free(self, block, late=False):
        self.event("free_requested", block.address, block.requested, block.stream)
        if late:
            block.state = "active_pending_free"
            return
        self.complete(block)

    def complete(self, block):
        self.event("free_completed", block.address, block.requested, block.stream)
        self.allocated -= max(512, -(-block.requested // 512) * 512)
        block.state = "inactive"
        self.join(block)

    def empty_cache(self):
        for address in list(self.segments):
            segment = self.segments[address]
            if len(segment["blocks"]) == 1 and segment["blocks"][0].state == "inactive":
                action = "segment_unmap" if self.expandable else "segment_free"
                self.event(action, address, segment["size"], segment["stream"])
                self.reserved -= segment["size"]
                del self.segments[address]

    def told(self):
        return [{"device": self.index, "address": address, "total_size": segment["size"],
                 "allocated_size": sum(b.size for b in segment["blocks"] if b.state == "active_allocated"),
                 "active_size": sum(b.size for b in segment["blocks"] if b.state != "inactive"),
                 "stream": segment["stream"],
                 "segment_type": "small" if segment["small"] else "large",
                 "segment_pool_id": (0, 0), "is_expandable": self.expandable, "frames": [],
                 "blocks": [{"address": b.address, "size": b.size, "requested_size": b.requested,
                             "state": b.state, "frames": []} for b in segment["blocks"]]}
                for address, segment in self.segments.items()]


def train(device, steps, seed, layers=24):
    """Weights stay; a step has activations, which gradients give back from the last on."""
    random.seed(seed)
    sizes = [int(2 ** random.uniform(8, 23)) for _ in range(layers)]
    weights = [device.alloc(size) for size in sizes]
    states, late = [], []
    for step in range(steps):
        activations = []
        for size in sizes:
            rows = random.choice((1, 1, 2, 3))
            activations.append(device.alloc(size * rows // 2 + 1))
            scratch = device.alloc(random.randrange(1, size + 2), stream=random.choice((0, 0, 7)))
            device.free(scratch)
        while late:
            device.complete(late.pop())
        gradients = []
        for activation, size in zip(reversed(activations), reversed(sizes)):
            gradients.append(device.alloc(size))
            is_late = random.random() < 0.1
            device.free(activation, is_late)
            if is_late:
                late.append(activation)
        if not states:
            states = [device.alloc(2 * size) for size in sizes]
        for gradient in gradients:
            device.free(gradient)
        if step % 7 == 3:
            device.empty_cache()
    return weights, states


def frames_of(share, has_frames):
    def frame(number):
        return {"filename": f"/usr/lib/model/layer{number % 50}.py", "name": f"forward_{number}",
                "line": 7 * number + 1}

    shared = [[frame(n) for n in range(k, k + 12)] for k in range(200)]

    def frames():
        if not has_frames:
            return None
        stack = random.randrange(200)
        return shared[stack] if share else [frame(n) for n in range(stack, stack + 12)]

    return frames


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--protocol", type=int, default=4)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ring", type=int)
    parser.add_argument("--devices", type=int, default=1)
    for switch in ("--expandable", "--no-share", "--no-frames"):
        parser.add_argument(switch, action="store_true")
    options = parser.parse_args()
    frames = frames_of(not options.no_share, not options.no_frames)
    devices = [Device(n, frames, options.expandable) for n in range(options.devices)]
    for device in devices:
        train(device, options.steps, options.seed + device.index)
    traces = [device.trace[-options.ring:] if options.ring else device.trace for device in devices]
    snapshot = {"segments": [s for device in devices for s in device.told()],
                # A second device that nobody used, as where two are built in.
                "device_traces": traces + [[]],
                "allocator_settings": {"max_split_size": -1, "expandable_segments": options.expandable},
                "external_annotations": []}
    with open(options.file, "wb") as file:
        pickle.dump(snapshot, file, protocol=options.protocol)
    print(json.dumps([{"reserved": d.most_reserved, "allocated": d.most_allocated,
                       "blocks": d.count, "events": len(t)} for d, t in zip(devices, traces)]))


if __name__ == "__main__":
    main()
