/**
 * The examples of the help that have to do with packet rules are run as they stand, in throwaway hosts of their own, with
 * nftables.
 */
import { examplesHold } from './helpexamples.ts'

examplesHold('nftables')
