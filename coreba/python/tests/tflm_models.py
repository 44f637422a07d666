"""Models of TensorFlow Lite, built by TensorFlow's own schema."""

from __future__ import annotations

import flatbuffers
import numpy
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

Op = schema.BuiltinOperator
Type = schema.TensorType
_OPTIONS = schema.BuiltinOptions


class Graph:
    """A subgraph; tensors are numbers."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._random = numpy.random.default_rng(len(model.model.subgraphs))
        self.graph = schema.SubGraphT()
        for field in ("tensors", "operators", "inputs", "outputs"):
            setattr(self.graph, field, [])
        model.model.subgraphs.append(self.graph)

    def tensor(self, *shape, kind=Type.INT8, scale=0.5, content=None, variable=False) -> int:
        """A tensor; quantized, unless its scale is None."""
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.isVariable = list(shape), kind, variable
        tensor.name = f"tensor {len(self.graph.tensors)}"
        tensor.buffer = 0 if content is None else self._model.buffer(content)
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def weights(self, *shape, scale=0.02) -> int:
        content = self._random.integers(-40, 40, shape).astype(numpy.int8)
        return self.tensor(*shape, scale=scale, content=content)

    def bias(self, count: int) -> int:
        content = self._random.integers(-40, 40, count).astype(numpy.int32)
        return self.tensor(count, kind=Type.INT32, scale=0.01, content=content)

    def integers(self, *values: int) -> int:
        content = numpy.array(values, numpy.int32)
        return self.tensor(len(values), kind=Type.INT32, scale=None, content=content)

    def shape(self, tensor: int) -> list[int]:
        return self.graph.tensors[tensor].shape

    def operator(self, name: str, inputs: list[int], outputs: list[int], options: str | None = None, **fields) -> int:
        """An operator; gives its first output."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._model.code(getattr(Op, name))
        operator.inputs, operator.outputs = inputs, outputs
        if options is not None:
            operator.builtinOptionsType = getattr(_OPTIONS, options)
            operator.builtinOptions = getattr(schema, f"{options}T")()
            for field, value in fields.items():
                assert hasattr(operator.builtinOptions, field), field
                setattr(operator.builtinOptions, field, value)
        self.graph.operators.append(operator)
        return outputs[0] if outputs else -1

    def conv(self, source: int, channels: int, side: int = 3) -> int:
        _, height, width, depth = self.shape(source)
        output = self.tensor(1, height, width, channels)
        inputs = [source, self.weights(channels, side, side, depth), self.bias(channels)]
        return self.operator("CONV_2D", inputs, [output], "Conv2DOptions", strideW=1, strideH=1)

    def depthwise(self, source: int) -> int:
        _, height, width, depth = self.shape(source)
        output = self.tensor(1, height, width, depth)
        inputs = [source, self.weights(1, 3, 3, depth), self.bias(depth)]
        fields = {"strideW": 1, "strideH": 1, "depthMultiplier": 1}
        return self.operator("DEPTHWISE_CONV_2D", inputs, [output], "DepthwiseConv2DOptions", **fields)

    def pool(self, source: int) -> int:
        _, height, width, depth = self.shape(source)
        output = self.tensor(1, height // 2, width // 2, depth)
        fields = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
        return self.operator("AVERAGE_POOL_2D", [source], [output], "Pool2DOptions", **fields)

    def upscale(self, source: int, channels: int) -> int:
        _, height, width, depth = self.shape(source)
        shape = (1, 2 * height, 2 * width, channels)
        inputs = [self.integers(*shape), self.weights(channels, 2, 2, depth), source]
        fields = {"strideW": 2, "strideH": 2}
        return self.operator("TRANSPOSE_CONV", inputs, [self.tensor(*shape)], "TransposeConvOptions", **fields)

    def add(self, left: int, right: int) -> int:
        return self.operator("ADD", [left, right], [self.tensor(*self.shape(left))], "AddOptions")

    def join(self, *sources: int) -> int:
        *shape, _ = self.shape(sources[0])
        output = self.tensor(*shape, sum(self.shape(source)[-1] for source in sources))
        return self.operator("CONCATENATION", list(sources), [output], "ConcatenationOptions", axis=len(shape))

    def mean(self, source: int) -> int:
        output = self.tensor(1, self.shape(source)[-1])
        return self.operator("MEAN", [source, self.integers(1, 2)], [output], "ReducerOptions")

    def dense(self, source: int, count: int) -> int:
        inputs = [source, self.weights(count, self.shape(source)[-1]), self.bias(count)]
        return self.operator("FULLY_CONNECTED", inputs, [self.tensor(1, count)], "FullyConnectedOptions")


class Model:
    """A model of subgraphs, the first of which is where it begins."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, "for a test"
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers, self.model.metadata = [schema.BufferT()], None

    def graph(self) -> Graph:
        return Graph(self)

    def buffer(self, content) -> int:
        buffer = schema.BufferT()
        buffer.data = numpy.frombuffer(numpy.asarray(content).tobytes(), numpy.uint8)
        self.model.buffers.append(buffer)
        return len(self.model.buffers) - 1

    def code(self, builtin: int) -> int:
        codes = self.model.operatorCodes
        for number, code in enumerate(codes):
            if code.builtinCode == builtin:
                return number
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
        codes.append(code)
        return len(codes) - 1

    def add_metadata(self, name: str, content: bytes) -> None:
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, self.buffer(numpy.frombuffer(content, numpy.uint8))
        self.model.metadata = [*(self.model.metadata or []), entry]

    def to_bytes(self) -> bytes:
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def residual(sizes: tuple[int, ...] = (20, 16, 19, 3, 20)) -> Model:
    """Convolutions with branches that meet again, and a classifier."""
    model = Model()
    graph = model.graph()
    source = graph.tensor(1, 12, 12, 3)
    first, *others = sizes
    x = graph.conv(source, first)
    for channels, inner in ((others[0], others[1]), (others[2], others[3])):
        left = graph.conv(graph.depthwise(x), channels)
        right = graph.conv(graph.conv(x, inner, side=1), channels)
        x = graph.join(graph.add(left, right), left)
        x = graph.pool(x)
    graph.graph.inputs, graph.graph.outputs = [source], [graph.dense(graph.mean(x), 5)]
    return model


def upscaling(sizes: tuple[int, ...] = (14, 19, 11, 1)) -> Model:
    """Transposed convolutions, whose scratch buffers are larger than all tensors."""
    model = Model()
    graph = model.graph()
    source = graph.tensor(1, 6, 6, 4)
    x = graph.conv(source, sizes[0])
    wide = graph.conv(graph.conv(x, sizes[1]), sizes[2])
    x = graph.upscale(x, sizes[3])
    y = graph.upscale(wide, sizes[3])
    graph.graph.inputs, graph.graph.outputs = [source], [graph.mean(graph.add(x, y))]
    return model


def spotter(sizes: tuple[int, ...] = (168, 278, 293, 292, 54)) -> Model:
    """SVDF, whose state is a variable."""
    model = Model()
    graph = model.graph()
    source = graph.tensor(1, 40)
    kept = graph.dense(source, sizes[4])
    x = _around(graph, source, sizes[:2])
    for units in sizes[2:4]:
        depth, memory = graph.shape(x)[-1], 6
        state = graph.tensor(1, memory * units, kind=Type.INT16, scale=0.01, variable=True)
        time = graph._random.integers(-99, 99, (units, memory)).astype(numpy.int16)
        inputs = [
            x,
            graph.weights(units, depth),
            graph.tensor(units, memory, kind=Type.INT16, scale=0.01, content=time),
            graph.tensor(units, kind=Type.INT32, scale=0.0001, content=numpy.zeros(units, numpy.int32)),
            state,
        ]
        x = graph.operator("SVDF", inputs, [graph.tensor(1, units)], "SVDFOptions", rank=1)
    graph.graph.inputs, graph.graph.outputs = [source], [graph.dense(graph.join(x, kept), 3)]
    return model


def _number(graph: Graph) -> int:
    return graph.tensor(1, kind=Type.INT32, scale=None)


def _around(graph: Graph, source: int, counts: tuple[int, ...]) -> int:
    for count in counts:
        source = graph.dense(source, count)
    return source


def loop(sizes: tuple[int, ...] = (1, 29, 65, 24, 64, 26)) -> Model:
    """A WHILE of three rounds, between other operators."""
    model = Model()
    main, condition, body = model.graph(), model.graph(), model.graph()
    source, counter = main.tensor(1, 30), _number(main)
    kept = _around(main, source, sizes[:2])
    x = _around(main, source, (*sizes[2:4], 48))
    ends = [_number(main), main.tensor(1, 48)]
    fields = {"condSubgraphIndex": 1, "bodySubgraphIndex": 2}
    main.operator("WHILE", [counter, x], ends, "WhileOptions", **fields)
    x = _around(main, main.join(ends[1], kept), (120, 4))
    main.graph.inputs, main.graph.outputs = [source, counter], [x, ends[0]]

    condition.graph.inputs = [_number(condition), condition.tensor(1, 48)]
    truth = condition.tensor(1, kind=Type.BOOL, scale=None)
    condition.operator("LESS", [condition.graph.inputs[0], condition.integers(3)], [truth], "LessOptions")
    condition.graph.outputs = [truth]

    count, x = body.graph.inputs = [_number(body), body.tensor(1, 48)]
    more = body.operator("ADD", [count, body.integers(1)], [_number(body)], "AddOptions")
    body.graph.outputs = [more, body.add(_around(body, x, (*sizes[4:], 48)), x)]
    return model


def choice(sizes: tuple[int, ...] = (119, 173, 15, 144, 84)) -> Model:
    """An IF, whose arms share nothing."""
    model = Model()
    main, then, other = model.graph(), model.graph(), model.graph()
    truth, source = main.tensor(1, kind=Type.BOOL, scale=None), main.tensor(1, 64)
    kept = _around(main, source, sizes[:2])
    x = _around(main, source, (sizes[2], 40))
    end = main.tensor(1, 40)
    main.operator("IF", [truth, x], [end], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    main.graph.inputs, main.graph.outputs = [truth, source], [main.dense(main.join(end, kept), 9)]
    for arm, counts in ((then, (*sizes[3:], 40)), (other, (40,))):
        arm.graph.inputs = [arm.tensor(1, 40)]
        arm.graph.outputs = [_around(arm, arm.graph.inputs[0], counts)]
    return model


def resource() -> Model:
    """A resource variable, set once by CALL_ONCE, read and written in each run."""
    model = Model()
    main, once = model.graph(), model.graph()
    handle = {"kind": Type.RESOURCE, "scale": None}

    def variable(graph: Graph) -> int:
        fields = {"container": "", "sharedName": "state"}
        return graph.operator("VAR_HANDLE", [], [graph.tensor(1, **handle)], "VarHandleOptions", **fields)

    main.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    source = main.tensor(1, 50)
    state = variable(main)
    read = main.operator("READ_VARIABLE", [state], [main.tensor(1, 50)], "ReadVariableOptions")
    x = main.add(_around(main, source, (130, 20, 50)), read)
    main.operator("ASSIGN_VARIABLE", [state, x], [], "AssignVariableOptions")
    main.graph.inputs, main.graph.outputs = [source], [_around(main, main.join(x, read), (90, 7))]
    start = once.tensor(1, 50, content=numpy.arange(50, dtype=numpy.int8))
    once.operator("ASSIGN_VARIABLE", [variable(once), start], [], "AssignVariableOptions")
    return model
