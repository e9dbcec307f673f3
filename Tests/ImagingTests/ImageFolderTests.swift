// SPDX-License-Identifier: Apache-2.0
import Foundation
import Imaging
import Testing

@Suite("Picture folders")
struct ImageFolderTests {
    @Test("Pictures are listed by name, without other files, hidden files and folders")
    func lists() throws {
        let folder = try TemporaryFolder()
        for name in ["b.JPG", "a.png", "c.jpeg", "ä.WebP", "notes.txt", ".hidden.png", "jpg", "10.png", "9.png"] {
            _ = try folder.write([1], name)
        }
        try folder.makeFolder("folder.png")
        let list = try ImageFolder(folder.path)
        #expect(list.names == ["10.png", "9.png", "a.png", "b.JPG", "c.jpeg", "ä.WebP"])
        #expect(list.paths.first == folder.path + "/10.png")
        #expect(try ImageFolder(folder.path + "/").paths.first == folder.path + "/10.png")
    }

    @Test("A folder without pictures is refused")
    func empty() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write([1], "notes.txt")
        let error = #expect(throws: ImagingError.self) { try ImageFolder(folder.path) }
        #expect(error?.code == .emptyFolder)
        #expect(error?.message.hasPrefix(folder.path) == true)
    }

    @Test("A missing path, or one that is not a folder, is unreadable")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write([1], "a.png")
        for path in [folder.path + "/missing", file] {
            let error = #expect(throws: ImagingError.self) { try ImageFolder(path) }
            #expect(error?.code == .unreadable)
            #expect(error?.message.hasPrefix(path + ": ") == true)
        }
    }
}
