// SPDX-License-Identifier: Apache-2.0
import ONNXFormat
import Tensors

/// External data files of a model. They must be in the model's folder. The bytes read from a file may not exceed its
/// size in total.
struct ExternalData {
    private struct Range: Hashable {
        let path: String
        let offset: Int
        let count: Int
    }

    private let folder: String?
    /// Data that was read before, because exporters let equal tensors share one range.
    private var storages: [Range: TensorStorage] = [:]
    private var bytesRead: [String: Int] = [:]

    init(folder: String?) { self.folder = folder }

    /// The tensor of this type at the location in the entries.
    ///
    /// - Throws: ``ONNXImportError`` with code `externalData`.
    mutating func tensor(
        type: TensorType, entries: [ONNXStringStringEntryProto]
    ) throws(ONNXImportError) -> Tensor {
        let place = try Place(entries)
        let path = try inside(place.location)
        guard place.length == nil || place.length == type.byteCount else {
            throw refusal("'\(place.location)' has \(place.length ?? 0) bytes for it, \(type) needs \(type.byteCount)")
        }
        let range = Range(path: path, offset: place.offset, count: type.byteCount)
        let storage: TensorStorage
        if let known = storages[range] {
            storage = known
        } else {
            storage = try read(range, place.location)
            storages[range] = storage
        }
        do throws(TensorError) { return try Tensor(type: type, storage: storage) } catch {
            throw refusal(error.message)
        }
    }

    private mutating func read(_ range: Range, _ location: String) throws(ONNXImportError) -> TensorStorage {
        do throws(ONNXImportError) {
            let file = try ModelFile(opening: range.path, followsLink: false)
            guard try !file.isPointer() else {
                throw refusal("is a Git LFS pointer, not the weights: run `git lfs pull`")
            }
            guard range.offset <= file.byteCount, range.count <= file.byteCount - range.offset else {
                throw refusal(
                    "needs \(range.count) bytes from byte \(range.offset), it has \(file.byteCount): copy it again, it "
                        + "belongs to another model or was cut off")
            }
            // Without this limit, tensors could refer to a small file any number of times.
            let total = bytesRead[range.path, default: 0] + range.count
            guard total <= file.byteCount else { throw refusal("its tensors overlap") }
            bytesRead[range.path] = total
            let storage = StorageAllocator.standard.allocate(byteCount: range.count)
            try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: storage.mutableBytes[..<range.count]), from: range.offset)
            return storage
        } catch { throw refusal("'\(location)' \(error.message)") }
    }

    /// The resolved path of a file in the folder.
    private func inside(_ location: String) throws(ONNXImportError) -> String {
        guard let folder else { throw refusal("'\(location)' is not read: the model did not come from a file") }
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.isEmpty, !parts.contains(".."), !parts.contains(""), !location.utf8.contains(0) else {
            throw refusal("'\(location)' is not a path inside the model's folder")
        }
        guard let root = ModelFile.resolved(folder), let path = ModelFile.resolved("\(folder)/\(location)") else {
            throw refusal("'\(location)' is missing beside the model: put it into the model's folder, under this name")
        }
        guard path.hasPrefix(root == "/" ? "/" : root + "/") else {
            throw refusal("'\(location)' leads out of the model's folder")
        }
        return path
    }

    private func refusal(_ message: String) -> ONNXImportError { ONNXImportError(.externalData, message) }

    /// The checked entries of a tensor.
    private struct Place {
        let location: String
        let offset: Int
        let length: Int?

        init(_ entries: [ONNXStringStringEntryProto]) throws(ONNXImportError) {
            var values: [String: String] = [:]
            for entry in entries { values[entry.key] = entry.value }
            guard let location = values["location"] else {
                throw ONNXImportError(.externalData, "its external data names no file")
            }
            func number(_ key: String) throws(ONNXImportError) -> Int? {
                guard let text = values[key] else { return nil }
                guard let number = Int(text), number >= 0 else {
                    throw ONNXImportError(.externalData, "\(key) '\(text.prefix(40))' is not a number of bytes")
                }
                return number
            }
            self.location = location
            self.offset = try number("offset") ?? 0
            self.length = try number("length")
        }
    }
}
