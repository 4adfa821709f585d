/// Copies FP32 values to `target` as `(value − mean) × scale`, in the arithmetic of 32-bit floats.
func normalize(
    _ source: UnsafeRawBufferPointer, with rule: TensorPreprocessing,
    into target: UnsafeMutableRawBufferPointer
) {
    let out = target.bindMemory(to: Float.self)
    let channels = rule.channels
    let length = rule.shape.last ?? 1
    let mean = spread(rule.mean, over: channels, otherwise: 0)
    let scale = spread(rule.scale, over: channels, otherwise: 1)
    for index in out.indices {
        let channel = index / length % channels
        let value = source.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
        out[index] = (value - mean[channel]) * scale[channel]
    }
}

private func spread(_ factors: [Float], over count: Int, otherwise: Float) -> [Float] {
    factors.count == count ? factors : Array(repeating: factors.first ?? otherwise, count: count)
}
