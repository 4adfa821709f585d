import Ground
import Wire

// Messages hold slices, which know no equality; and a number that is none must equal itself here.

func same(_ a: InferRequest, _ b: InferRequest) -> Bool {
    a.model == b.model && a.version == b.version && a.id == b.id
        && same(a.parameters, b.parameters)
        && a.inputs.count == b.inputs.count && zip(a.inputs, b.inputs).allSatisfy(same)
        && a.outputs.count == b.outputs.count
        && zip(a.outputs, b.outputs).allSatisfy {
            $0.name == $1.name && same($0.parameters, $1.parameters)
        }
}

func same(_ a: InferResponse, _ b: InferResponse) -> Bool {
    a.model == b.model && a.version == b.version && a.id == b.id
        && same(a.parameters, b.parameters)
        && a.outputs.count == b.outputs.count && zip(a.outputs, b.outputs).allSatisfy(same)
}

func same(_ a: StreamResponse, _ b: StreamResponse) -> Bool {
    guard a.error == b.error else { return false }
    switch (a.response, b.response) {
    case (nil, nil): return true
    case (let a?, let b?): return same(a, b)
    default: return false
    }
}

private func same(_ a: InferTensor, _ b: InferTensor) -> Bool {
    a.name == b.name && a.datatype == b.datatype && a.shape == b.shape
        && same(a.parameters, b.parameters) && a.contents.array == b.contents.array
}

private func same(_ a: Parameters, _ b: Parameters) -> Bool {
    a.count == b.count
        && zip(a.entries, b.entries).allSatisfy { a, b in
            if case (.double(let x), .double(let y)) = (a.value, b.value) {
                return a.name == b.name && (x.bitPattern == y.bitPattern || x.isNaN && y.isNaN)
            }
            return a == b
        }
}
