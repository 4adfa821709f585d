internal import CProtobufC
internal import CWire
internal import Ground

typealias CParameters = UnsafeMutablePointer<UnsafeMutablePointer<Inference__InferParameterEntry>?>

extension Parameters {
    /// Reads a protobuf map; of two entries with one name the later holds. `owner` names it in
    /// faults.
    init(
        _ items: CParameters?, _ count: Int, of owner: @autoclosure () -> String,
        _ source: Fault.Source
    ) throws(Fault) {
        self.init()
        guard let items, count > 0 else { return }
        guard count <= WireLimits.parameters else {
            throw excess(source, "parameters of \(owner())", count, WireLimits.parameters)
        }
        reserve(count)
        for index in 0..<count {
            let entry = items[index]!.pointee
            let key = try name(entry.key, "a parameter's name of \(owner())", source)
            guard let value = try Value(entry.value?.pointee, of: key, source) else {
                throw refusal(
                    source, "parameter '\(key)' of \(owner()) has no value",
                    remedy: "set one of bool, int64, string, double or uint64")
            }
            self[key] = value
        }
    }
}

extension Parameters.Value {
    fileprivate init?(
        _ parameter: Inference__InferParameter?, of name: String, _ source: Fault.Source
    ) throws(Fault) {
        guard let parameter else { return nil }
        switch parameter.parameter_choice_case {
        case INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_BOOL_PARAM:
            self = .bool(parameter.bool_param != 0)
        case INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_INT64_PARAM:
            self = .int64(parameter.int64_param)
        case INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_UINT64_PARAM:
            self = .uint64(parameter.uint64_param)
        case INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_DOUBLE_PARAM:
            self = .double(parameter.double_param)
        case INFERENCE__INFER_PARAMETER__PARAMETER_CHOICE_STRING_PARAM:
            self = .string(try text(parameter.string_param, "parameter '\(name)'", source))
        default: return nil
        }
    }
}
