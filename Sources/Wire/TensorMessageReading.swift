internal import Ground

extension TensorMessage {
    /// Reads a message of the usual form into this empty one: raw contents, one for each tensor,
    /// behind the tensors.
    ///
    /// False for every other one, broken or not, and then what was read says nothing: protobuf-c
    /// reads it or says what is wrong. What is read here it would read the same.
    mutating func read(_ bytes: Bytes, rawField: Int) -> Bool {
        var raw = 0
        let isRead = bytes.withUnsafeBytes { buffer in
            var fields = FieldWalk(buffer)
            while let field = fields.next() {
                switch field.number {
                case rawField:
                    guard field.wireType == 2, raw < tensors.count else { return false }
                    tensors[raw].contents = bytes[field.payload..<field.end]
                    raw += 1
                case 1...6:
                    guard field.wireType == 2, raw == 0, take(field, fields) else { return false }
                default: break
                }
            }
            return fields.isWhole
        }
        guard isRead, raw == tensors.count else { return false }
        for index in tensors.indices where !tensors[index].isWhole { return false }
        return true
    }

    private mutating func take(_ field: FieldScanner.Field, _ fields: FieldWalk) -> Bool {
        let part = fields.payload(of: field)
        switch field.number {
        case 1: return part.read(into: &model)
        case 2: return part.read(into: &version)
        case 3: return part.read(into: &id)
        case 4: return parameters.take(part)
        case 5:
            guard tensors.count < WireLimits.tensors, let tensor = InferTensor(usual: part) else {
                return false
            }
            tensors.append(tensor)
            return true
        default:
            guard wanted.count < WireLimits.tensors, let output = InferRequest.Output(part) else {
                return false
            }
            wanted.append(output)
            return true
        }
    }
}

extension InferTensor {
    /// A tensor without typed contents; its raw contents come later.
    fileprivate init?(usual bytes: UnsafeRawBufferPointer) {
        self.init(name: "", datatype: .bytes, shape: [], contents: .nothing)
        var type: Datatype?
        var fields = FieldWalk(bytes)
        while let field = fields.next() {
            let part = fields.payload(of: field)
            switch (field.number, field.wireType) {
            case (1, 2): guard part.read(into: &name) else { return nil }
            case (2, 2): type = Datatype(name: part)
            case (3, 2):
                var sizes = FieldWalk(part)
                while let size = sizes.varint() { guard take(size: size) else { return nil } }
                guard sizes.isWhole else { return nil }
            case (4, 2): guard parameters.take(part) else { return nil }
            case (1...5, _): return nil
            default: break
            }
        }
        guard fields.isWhole, let type else { return nil }
        if !parameters.isEmpty, parameters["shared_memory_region"] != nil { return nil }
        datatype = type
    }

    private mutating func take(size: UInt64) -> Bool {
        guard shape.count < WireLimits.rank, size <= UInt64(Int.max) else { return false }
        shape.append(Int(size))
        return true
    }

    /// Whether the contents are what type and shape promise.
    fileprivate var isWhole: Bool {
        guard let size = datatype.size else { return (try? check(.client)) != nil }
        guard let count = elementCount else { return false }
        let (expected, overflow) = count.multipliedReportingOverflow(by: size)
        return !overflow && contents.count == expected
    }
}

extension Datatype {
    /// The type of this name. Eight bytes are compared as one number.
    fileprivate init?(name: UnsafeRawBufferPointer) {
        guard name.count <= 8 else { return nil }
        let word = Self.word(name)
        for one in Self.byWord where one.word == word && one.length == name.count {
            self = one.type
            return
        }
        return nil
    }

    private static let byWord = allCases.map { type in
        (word: word(type.rawValue.utf8), length: type.rawValue.utf8.count, type: type)
    }

    private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension InferRequest.Output {
    fileprivate init?(_ bytes: UnsafeRawBufferPointer) {
        self.init(name: "")
        var fields = FieldWalk(bytes)
        while let field = fields.next() {
            let part = fields.payload(of: field)
            switch (field.number, field.wireType) {
            case (1, 2): guard part.read(into: &name) else { return nil }
            case (2, 2): guard parameters.take(part) else { return nil }
            case (1...2, _): return nil
            default: break
            }
        }
        if !fields.isWhole { return nil }
    }
}

extension Parameters {
    /// Takes one entry of a protobuf map in; false when it is not of the usual form.
    fileprivate mutating func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var key = ""
        var value: Value?
        var fields = FieldWalk(bytes)
        while let field = fields.next() {
            let part = fields.payload(of: field)
            switch (field.number, field.wireType) {
            case (1, 2): guard part.read(name: &key) else { return false }
            case (2, 2):
                // One message in two pieces is for protobuf-c to put together.
                guard value == nil, let read = Value(part) else { return false }
                value = read
            case (1...2, _): return false
            default: break
            }
        }
        guard fields.isWhole, let value, count < WireLimits.parameters else { return false }
        self[key] = value
        return true
    }
}

extension Parameters.Value {
    /// The last choice of an InferParameter.
    fileprivate init?(_ bytes: UnsafeRawBufferPointer) {
        var value: Parameters.Value?
        var fields = FieldWalk(bytes)
        while let field = fields.next() {
            switch (field.number, field.wireType) {
            case (1, 0): value = .bool(fields.number(of: field) != 0)
            case (2, 0): value = .int64(Int64(bitPattern: fields.number(of: field)))
            case (5, 0): value = .uint64(fields.number(of: field))
            case (4, 1):
                let bits = fields.payload(of: field).loadUnaligned(as: UInt64.self)
                value = .double(Double(bitPattern: UInt64(littleEndian: bits)))
            case (3, 2):
                var text = ""
                guard fields.payload(of: field).read(into: &text) else { return nil }
                value = .string(text)
            case (1...5, _): return nil
            default: break
            }
        }
        guard fields.isWhole, let value else { return nil }
        self = value
    }
}

extension UnsafeRawBufferPointer {
    /// Reads all of it as text; false when it is not UTF-8.
    fileprivate func read(into text: inout String) -> Bool {
        guard count > 0 else {
            text = ""
            return true
        }
        guard let read = string(assumingMemoryBound(to: UInt8.self)) else { return false }
        text = read
        return true
    }

    /// As `read(into:)`, but a frequent name costs no allocation.
    fileprivate func read(name: inout String) -> Bool {
        guard let known = frequentName(self) else { return read(into: &name) }
        name = known
        return true
    }
}
