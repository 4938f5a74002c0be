package Medianest::Servers;

# Servers outside that the operator has named (the mail server, an LDAP, providers): their settings, and how the last attempt to reach one went.
use strict;
use warnings;
use Encode qw(encode);
use Errno qw(ENOENT);
use Fcntl qw(LOCK_EX LOCK_NB);
use JSON;
use POSIX qw(strftime);

use constant { CONFIGURATION => '/etc/medianest/current', SECRETS => '/run/secrets', STATE => '/run/sign-on' };

my %known;

sub text_of {
    my ($file) = @_;
    open my $handle, '<:encoding(UTF-8)', $file or die "$file cannot be read: $!\n";
    local $/ = undef;
    return scalar <$handle>;
}

# @param $name mail, ldap @param $whose the setting that comes with a password
# @returns what medianest has written, with `password` and `ca` (a file); undefined where there is no such server @throws where that cannot be told
sub settings {
    my ( $name, $whose ) = @_;
    return $known{$name} if $known{$name};
    my $file = CONFIGURATION . "/$name.json";
    unless ( -e $file ) {
        die "$file cannot be read: $!\n" unless $! == ENOENT;
        return;
    }
    my $read = decode_json( encode( 'UTF-8', text_of($file) ) );
    $read->{password} = text_of( SECRETS . "/sign-on-$name-password" ) =~ s/\n\z//r if defined $read->{$whose};
    $read->{ca}       = SECRETS . "/sign-on-$name-ca" if $read->{hasCa};
    return $known{$name} = $read;
}

# The processes that answer about sessions show the pages, too. However long a server takes, one of them does not wait for it.
# @param $what it is @returns what has to be kept for as long as it is asked @throws where the others ask already
sub slot {
    my ($what) = @_;
    for my $try ( 1 .. 10 ) {
        for my $number ( 1 .. ( $ENV{SIGN_ON_PROCESSES} // 2 ) - 1 ) {
            open my $file, '>', STATE . "/slot-$number" or die "$what cannot be asked: $!\n";
            return $file if flock $file, LOCK_EX | LOCK_NB;
        }
        select undef, undef, undef, 0.1;
    }
    die "$what was slow a moment ago\n";
}

# A file that is not written makes `health` say that it does not know.
sub note {
    my ( $name, $problem ) = @_;
    my $file = STATE . "/$name-server";
    open my $next, '>', "$file.$$" or return;
    print $next encode_json( { checked => strftime( '%Y-%m-%dT%H:%M:%SZ', gmtime ), problem => $problem } );
    close $next or return;
    rename "$file.$$", $file;
    return;
}

# @returns {checked, problem}; nothing where that cannot be told
sub state_of {
    my ($name) = @_;
    return eval { decode_json( encode( 'UTF-8', text_of( STATE . "/$name-server" ) ) ) } || {};
}

# A line of the log, in JSON.
my $json = JSON->new->utf8->canonical;

sub event {
    my ( $code, $message, %more ) = @_;
    print STDERR $json->encode( { time => strftime( '%Y-%m-%dT%H:%M:%SZ', gmtime ), code => $code, message => $message, %more } ), "\n";
    return;
}

1;
